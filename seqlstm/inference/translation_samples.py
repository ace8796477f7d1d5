"""Samples of translations from the model's distribution."""

from __future__ import annotations

from collections.abc import Sequence
from secrets import randbits

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from seqlstm.data.batching.base import mix_seeds
from seqlstm.decoding.hypothesis import Hypothesis
from seqlstm.decoding.logits import LogitsProcessor
from seqlstm.decoding.sampling import sample_hypotheses
from seqlstm.inference.search import SearchOptions
from seqlstm.inference.system import TranslatorEnsemble
from seqlstm.inference.terminology import Terminology, TokenIds


def line_seeds(seed: int | None, first: int, lines: int) -> list[int]:
    """A seed for each line, so that its samples do not depend on the other lines.

    Args:
        seed: from which all seeds follow; None for a random one.
        first: index of the first line.
        lines: number of lines.
    """
    seed = randbits(62) if seed is None else seed
    return [mix_seeds(seed, first + row) for row in range(lines)]


@torch.inference_mode()
def sample_translations(
    ensemble: TranslatorEnsemble,
    sources: Sequence[TokenIds],
    terminology: Terminology,
    *,
    search: SearchOptions,
    process: LogitsProcessor,
    samples: int,
    seeds: Sequence[int],
) -> list[list[Hypothesis]]:
    """Sampled hypotheses of each source; the sources are token ids.

    Of the search options, only those of `SAMPLING_OPTIONS` have an effect.
    """
    tokenizer = ensemble.tokenizers.target
    with ensemble.precision.autocast():
        encoded = ensemble.encode(sources)
        limits = search.limits(encoded.lengths, terminology.needed_tokens())
        return sample_hypotheses(
            encoded.advance,
            state=encoded.state,
            memory=encoded.memory,
            bos=tokenizer.begin,
            eos=tokenizer.end,
            maximum=limits,
            uniform=uniform_numbers(seeds, limits, samples),
            process=process,
            constraints=terminology.constraints(search.constraints(tokenizer)),
        )


def uniform_numbers(seeds: Sequence[int], limits: Tensor, samples: int) -> Tensor:
    """Random numbers from [0, 1), (sentences, samples, steps), from the seed of each sentence."""
    numbers = [
        torch.rand(limit, samples, generator=torch.Generator().manual_seed(seed))
        for seed, limit in zip(seeds, limits.tolist(), strict=True)
    ]
    return pad_sequence(numbers, batch_first=True).transpose(1, 2).to(limits.device)
