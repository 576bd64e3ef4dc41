"""FHIRPath checked against the elements of FHIR: from syntax to a tree of typed expressions."""
