"""Mutation score: the fraction of small changes of the RTL that the benches detect."""
