"""Words of the Core Business Vocabulary 2.0 that an event may use bare; any other value is a URI of its own.

Source: CBV 2.0 (ISO/IEC 19988:2024), sections 7.1 to 7.5.
"""

from __future__ import annotations

from typing import Final

CONTEXT_URL: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


BIZ_STEPS: Final = _words(
    "accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting "
    "decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting "
    "installing killing loading other packing picking receiving removing repackaging repairing replacing "
    "reserving retail_selling shipping staging_outbound stock_taking stocking storing transporting unloading "
    "unpacking void_shipping sensor_reporting sampling"
)
DISPOSITIONS: Final = _words(
    "active container_closed damaged destroyed dispensed disposed encoded expired in_progress in_transit inactive "
    "no_pedigree_match non_sellable_other partially_dispensed recalled reserved retail_sold returned "
    "sellable_accessible sellable_not_accessible stolen unknown available completeness_verified "
    "completeness_inferred conformant container_open mismatch_instance mismatch_class mismatch_quantity "
    "needs_replacement non_conformant unavailable"
)
TRANSACTION_TYPES: Final = _words("bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt")
SOURCE_TYPES: Final = _words("owning_party possessing_party location")
ERROR_REASONS: Final = _words("did_not_occur incorrect_data")
COMPONENTS: Final = _words(
    "x y z axial_distance azimuth height spherical_radius polar_angle elevation_angle easting northing latitude "
    "longitude altitude"
)
ALERT_TYPES: Final = _words("ALARM_CONDITION ERROR_CONDITION")
MEASUREMENT_TYPES: Final = _words(
    "AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Radioactivity Altitude AmountOfSubstance "
    "AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area Capacitance "
    "Conductance Conductivity Count Density Dimensionless DoseEquivalent DoseEquivalentRate DynamicViscosity "
    "ElectricCharge ElectricCurrent ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force Frequency "
    "Illuminance Inductance Irradiance KinematicViscosity Length LinearMomentum Luminance LuminousFlux "
    "LuminousIntensity MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass MassConcentration "
    "MassFlowRate MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy MolarMass MolarVolume Power "
    "Pressure RadiantFlux RadiantIntensity RelativeHumidity Resistance Resistivity SolidAngle SpecificVolume "
    "Speed SurfaceDensity SurfaceTension Temperature Time Torque Voltage Volume VolumeFlowRate VolumeFraction "
    "VolumetricFlux Wavenumber"
)


def word_or_uri(value: str | None, words: frozenset[str], what: str) -> None:
    """Raises ``ValueError`` where a value is neither a word of the vocabulary nor a URI outside it.

    >>> word_or_uri("inspecting", BIZ_STEPS, "bizStep")
    >>> word_or_uri("looking", BIZ_STEPS, "bizStep")
    Traceback (most recent call last):
    ...
    ValueError: bizStep looking is neither a word of the CBV nor a URI
    """
    if value is None or value in words:
        return
    if ":" not in value:
        raise ValueError(f"{what} {value[:60]} is neither a word of the CBV nor a URI")
    if value.startswith(("urn:epcglobal:cbv", "https://ns.gs1.org/cbv/", "http://ns.gs1.org/cbv/")):
        raise ValueError(f"{what} {value[:60]} must be written as its bare word")
