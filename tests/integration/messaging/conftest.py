"""The conformance suite's fixtures. (Coordinator: the CONFORMANCE helper writes this folder;
the KERNEL helper finishes the simulation and then reports, and does not write here.)"""
