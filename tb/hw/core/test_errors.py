"""CoreError: each code has a sentence of its own."""

from weft.core.errors import SENTENCES, CoreError


def test_every_error_has_a_sentence():
    assert set(SENTENCES) == set(CoreError) - {CoreError.NONE}
    assert len(set(SENTENCES.values())) == len(SENTENCES)
