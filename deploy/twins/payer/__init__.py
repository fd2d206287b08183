"""A payer to test against: reads 837 interchanges from a folder, answers and pays by a scenario."""

from deploy.twins.payer.scenario import EVERYDAY, Outcome, Scenario, expected_outcome

__all__ = ["EVERYDAY", "Outcome", "Scenario", "expected_outcome"]
