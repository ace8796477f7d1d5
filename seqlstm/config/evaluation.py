"""The recipe's section `evaluation`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Strict

from seqlstm.config.base import Section
from seqlstm.config.components import check_choice


class EvaluationConfig(Section):
    """How translations are scored, in validation while training and by every command.

    `tokenize`: which tokens BLEU counts, by sacreBLEU's name; "auto" chooses when training begins,
    by the script of the training targets, and the run keeps the choice.
    `references`: further columns of the data set with translations of the same source, beside the
    target column of `data.pair`.
    """

    tokenize: Annotated[str, AfterValidator(check_choice("tokenization", "auto"))] = "auto"
    references: Annotated[tuple[str, ...], Strict(False)] = ()
