"""Training of a recipe: start a run, or resume it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from seqlstm.config import Recipe
from seqlstm.errors import ArgumentError, DataError, RunError
from seqlstm.recipe.changes import changed_ends, changed_environment, check_same, extent_of
from seqlstm.recipe.corpus import read_corpus
from seqlstm.recipe.memory_estimate import check_machine
from seqlstm.recipe.prepare import Prepared, prepare
from seqlstm.recipe.read import (
    encode_path_text,
    read_run_recipe,
    resolved_text,
    with_recorded_tokens,
)
from seqlstm.recipe.tasks.base import RunCorpus
from seqlstm.run.card import Card
from seqlstm.run.folder import RunFolder
from seqlstm.run.lock import FolderLock
from seqlstm.runtime.files import Weights
from seqlstm.runtime.out_of_memory import is_out_of_memory
from seqlstm.text.tokenizer_pair import TokenizerPair
from seqlstm.training.loop import TrainingLoop


class EndedError(RunError):
    """A run that has ended and cannot be resumed."""


def start(
    recipe: Recipe,
    path: Path,
    *,
    overwrite: bool = False,
    origin: Path | None = None,
    lock: FolderLock | None = None,
) -> Prepared:
    """Prepare a new run in a new folder.

    Nothing is written or replaced, but for the lock, before everything is read and built.

    Args:
        recipe: the recipe.
        path: of the run folder.
        overwrite: whether to replace a run in that folder.
        origin: folder of a run whose weights and tokenizers are the start.
        lock: of the folder, if it is held already.

    Raises:
        UserError: the recipe, its data or tokenizer, or the folder cannot be used.
    """
    text = encode_path_text(resolved_text(recipe), "the recipe")
    lock = lock or FolderLock(path)
    with lock.kept():
        folder = RunFolder(path, lock=lock)
        folder.check_can_create(overwrite=overwrite)
        parent = RunFolder.open(origin) if origin else None
        if parent and parent.path.resolve() == path.resolve():
            raise ArgumentError(f"{path} cannot start from itself")
        name = str(parent.path.resolve()) if parent else None
        encode_path_text(name or "", "the run to start from")
        check_machine(recipe)
        tokenizers = parent_tokenizers(recipe, parent) if parent else None
        weights, description = parent.read_described_weights() if parent else (None, None)
        corpora = read_corpus(recipe, tokenizers)
        prepared = prepare(
            recipe, folder, corpora, lock=lock, weights=weights, origin_weights=description
        )
        card = prepared.card.model_copy(update={"origin": name})
        folder.create(card, recipe=text, tokenizers=corpora.tokenizers)
    return prepared


def parent_tokenizers(recipe: Recipe, parent: RunFolder) -> TokenizerPair:
    """The tokenizers of the run that a recipe starts from.

    Raises:
        ArgumentError: they are joint and the recipe's are not, or the other way round.
    """
    tokenizers = parent.read_tokenizers()
    if tokenizers.is_joint != recipe.tokenizer.joint:
        has = "one tokenizer of both sides" if tokenizers.is_joint else "a tokenizer of each side"
        raise ArgumentError(
            f"{parent.path} has {has}, and the recipe asks for the contrary",
            hint=f"Take [tokenizer] from {parent.recipe}.",
        )
    return tokenizers


def resume(recipe: Recipe, path: Path, *, lock: FolderLock | None = None) -> Prepared:
    """Prepare to resume the run in a folder from its last checkpoint.

    Args:
        recipe: the run's, perhaps with another end.
        path: of the run folder.
        lock: of the folder, if it is held already.

    Raises:
        RecipeError: the recipe differs from the run's in more than the end of training.
        DataError: the data have changed since the run began.
        RunError: there is no run, its checkpoint is damaged or missing, its tokenizer has changed,
            or another process trains it.
        EndedError: it has ended.
    """
    RunFolder.open(path)  # a folder that is no run gets no lock
    lock = lock or FolderLock(path)
    with lock.kept():
        folder = RunFolder.open(path, lock=lock)
        before = read_run_recipe(folder)
        check_same(before, recipe, path)
        begins_again = check_checkpoint(folder)
        corpora = read_run_corpus(recipe, folder)
        weights = origin_weights(folder) if begins_again else None
        prepared = prepare(recipe, folder, corpora, lock=lock, weights=weights)
        if not begins_again:
            load_checkpoint(prepared.loop, folder)
        check_not_ended(prepared.loop, path)
        old, damaged = folder.card_contents, folder.read_log().damaged
        continue_folder(recipe, prepared, corpora)
    step, epochs = prepared.loop.progress.step, prepared.loop.batches.epochs
    notes = [f"resuming at step {step:,}, epoch {epochs:.2f}", *changed_ends(before, recipe)]
    warnings = [begins_again] if begins_again else []
    if damaged:
        warnings.append(f"{folder.log}: damaged lines were left out: {damaged:,}")
    if changed := changed_environment(old, prepared.card):
        warnings.append(
            f"the weights may differ{extent_of(changed)} from those of a run without a stop: it "
            f"had {'; '.join(changed)}"
        )
    return replace(
        prepared, notes=[*prepared.notes, *notes], warnings=[*prepared.warnings, *warnings]
    )


def check_checkpoint(folder: RunFolder) -> str | None:
    """None if there is a checkpoint; else a warning that the run begins again.

    Raises:
        RunError: there was a checkpoint, and it is gone.
    """
    if folder.checkpoint.is_file():
        return None
    reports = folder.read_log().reports
    if folder.card_contents.checkpointed or any(report["kind"] == "end" for report in reports):
        raise RunError(
            f"{folder.checkpoint} is missing, and this run has saved one",
            hint="Restore it from a copy, or train again from the first step with --overwrite.",
        )
    reached = f", although it had reached step {reports[-1]['step']:,}" if reports else ""
    return f"{folder.path} has no checkpoint yet: the run begins again at step 0{reached}"


def read_run_corpus(recipe: Recipe, folder: RunFolder) -> RunCorpus:
    """The data and tokenizers of a run.

    Raises:
        DataError, RunError: they are not those with which it began.
    """
    card = folder.card_contents
    settled = with_recorded_tokens(recipe, card.tokenize)
    corpora = read_corpus(settled, folder.read_tokenizers() if folder.holds_tokenizers() else None)
    if card.data.fingerprints != corpora.fingerprints:
        raise DataError(
            f"the data have changed since this run began: {card.data.fingerprints}, now "
            f"{corpora.fingerprints}",
            hint="Restore them, or start a new run.",
        )
    tokenizers = corpora.tokenizers.by_name
    fingerprints = [tokenizer.fingerprint for tokenizer in tokenizers.values()]
    folder.check_tokenizers(fingerprints, [folder.path / f"{name}.model" for name in tokenizers])
    return corpora


def origin_weights(folder: RunFolder) -> Weights | None:
    """The weights that a run starts from; None if they are random.

    Raises:
        RunError: they are missing, or others than when the run began.
    """
    card = folder.card_contents
    if card.origin is None:
        return None
    weights, description = RunFolder.open(Path(card.origin)).read_described_weights()
    if card.origin_weights not in (None, description):
        raise RunError(
            f"the weights in {card.origin} are others than when this run began from them",
            hint="Start a new run.",
        )
    return weights


def load_checkpoint(loop: TrainingLoop, folder: RunFolder) -> None:
    contents = folder.read_checkpoint()
    try:
        loop.load_state_dict(contents)
    except (KeyError, TypeError, ValueError, RuntimeError, AssertionError) as error:
        if is_out_of_memory(error):
            raise
        raise RunError(f"{folder.checkpoint} belongs to another run: {error}") from error


def check_not_ended(loop: TrainingLoop, path: Path) -> None:
    if reason := loop.end_reason():
        raise EndedError(
            f"{path} has ended at step {loop.progress.step}: {reason}",
            hint="A later end makes it go on: training.steps=N, training.epochs=N or --minutes N.",
        )


def kept_notes(old: Card, new: Card) -> list[str]:
    """The notes of both cards of a run, but those of the old one on precision and backends.

    A resumed run no longer looks for its columns or trains its tokenizers, so the new card alone
    would lack what was decided then.
    """
    # The lines of `machine_notes`, in which all layers or each of them have a backend.
    machine = ("precision: ", "backend: ", *(f"{layer}: " for layer in new.backends or ()))
    kept = [note for note in old.data.notes if not note.startswith(machine)]
    return sorted(dict.fromkeys([*kept, *new.data.notes]), key=lambda n: n.startswith(machine))


def continue_folder(recipe: Recipe, prepared: Prepared, corpora: RunCorpus) -> None:
    """Write the recipe and the card of a resumed run, and shorten its log.

    A process may be killed between any two of these writes: until the recipe is replaced, the card
    has the digests of both.
    """
    folder = prepared.folder
    old, new = folder.card_contents, prepared.card
    same = {"format", "run", "origin", "origin_weights"}
    details = {key: getattr(old, key) for key in same}
    details["checkpointed"] = folder.checkpoint.is_file()
    details["data"] = new.data.model_copy(update={"notes": kept_notes(old, new)})
    both = None if old.recipe is None else tuple({*old.recipe, *(new.recipe or ())})
    folder.remove_temporary_files()
    folder.write_card(new.model_copy(update=details | {"recipe": both}))
    folder.write_recipe(encode_path_text(resolved_text(recipe), "the recipe"))
    folder.truncate_log(prepared.loop.progress.step)
    folder.save_tokenizers(corpora.tokenizers)
    folder.write_card(
        new.model_copy(update=details | {"recipe": new.recipe if old.recipe else None})
    )
