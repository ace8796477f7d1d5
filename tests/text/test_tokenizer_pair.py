"""One tokenizer of both sides, or one of each."""

from __future__ import annotations

from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair


def test_a_joint_one_is_named_once(tokenizers: dict[str, Tokenizer]) -> None:
    one = tokenizers["bpe"]
    joint = TokenizerPair.joint(one)
    assert joint.is_joint
    assert joint.source is joint.target is one
    assert joint.by_name == {"tokenizer": one}
    assert joint.vocab_sizes == (one.vocab_size, one.vocab_size)
    assert joint.fingerprint == one.fingerprint
    assert joint.signature == f"bpe-{one.fingerprint}"


def test_two_are_named_each(tokenizers: dict[str, Tokenizer]) -> None:
    source, target = tokenizers["char"], tokenizers["unigram"]
    each = TokenizerPair(source, target)
    assert not each.is_joint
    assert each.by_name == {"source": source, "target": target}
    assert each.vocab_sizes == (source.vocab_size, target.vocab_size)
    assert source.vocab_size != target.vocab_size
    assert each.fingerprint == f"{source.fingerprint}+{target.fingerprint}"
    assert each.signature == f"char-{source.fingerprint}+unigram-{target.fingerprint}"
    assert TokenizerPair(target, source).fingerprint != each.fingerprint
