"""A joint tokenizer, or two tokenizers."""

from __future__ import annotations

from seqlstm.text.tokenizer import Tokenizer
from seqlstm.text.tokenizer_pair import TokenizerPair


def test_a_joint_tokenizer_has_one_name(tokenizers: dict[str, Tokenizer]) -> None:
    tokenizer = tokenizers["bpe"]
    joint = TokenizerPair.joint(tokenizer)
    assert joint.is_joint
    assert joint.source is joint.target is tokenizer
    assert joint.by_name == {"tokenizer": tokenizer}
    assert joint.vocab_sizes == (tokenizer.vocab_size, tokenizer.vocab_size)
    assert joint.fingerprint == tokenizer.fingerprint
    assert joint.signature == f"bpe-{tokenizer.fingerprint}"


def test_two_tokenizers_have_two_names(tokenizers: dict[str, Tokenizer]) -> None:
    source, target = tokenizers["char"], tokenizers["unigram"]
    pair = TokenizerPair(source, target)
    assert not pair.is_joint
    assert pair.by_name == {"source": source, "target": target}
    assert pair.vocab_sizes == (source.vocab_size, target.vocab_size)
    assert source.vocab_size != target.vocab_size
    assert pair.fingerprint == f"{source.fingerprint}+{target.fingerprint}"
    assert pair.signature == f"char-{source.fingerprint}+unigram-{target.fingerprint}"
    assert TokenizerPair(target, source).fingerprint != pair.fingerprint
