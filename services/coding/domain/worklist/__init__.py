"""The one worklist: what needs a person, what a person may do with it, and what follows."""
