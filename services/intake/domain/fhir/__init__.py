"""FHIR R4 and R4B (which do not differ in what a claim needs) into canonical claims.

A light reader of our own: it looks at what an 837 can carry and passes over the rest, so that the
common path is not as slow as a full model of FHIR. `fhir.resources` judges it in the tests.
"""
