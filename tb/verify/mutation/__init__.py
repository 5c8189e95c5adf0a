"""Mutation score: of small changes of the RTL, how many do the benches see?"""
