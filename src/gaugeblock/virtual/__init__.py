"""The virtual plant: seeded parts, cameras and PLCs for virtual commissioning."""
