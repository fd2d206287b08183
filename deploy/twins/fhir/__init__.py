"""The hospital's FHIR: claims as resources and bundles, visits as charges."""
