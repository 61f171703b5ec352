"""Visual inspection as a working room: stations' results, projected from the log for those who work with them."""
