"""What is only spoken of is not asked for."""

from __future__ import annotations

import pytest

from skillbank.words.answer import Outcome
from skillbank.words.reader import SentenceReader

TRAIN = "train a pose classifier on /data/gym for 30 epochs"

NOT_MEANT = {
    "quoted": f'My boss said "{TRAIN}" and I laughed.',
    "a line of a page": f"The README says: '{TRAIN}'. I find that badly written.",
    "a log": f"What is this?\n$ skillbank {TRAIN}\nerror: no space left on device",
    "a conversation": f"For your interest only.\nAnna: {TRAIN}\nBot: started job 7f3a2c",
    "others do it": f"They {TRAIN} and call it a day.",
    "past": "Yesterday Jana trained the pose classifier on /data/gym for 30 epochs.",
    "past in Chinese": "昨天小王说他在 /data/gym 上训练了姿态分类模型,30 轮。",
    "imagined": f"As if I would {TRAIN} after last week.",
    "imagined in German": "Angenommen, ich würde den Posenklassifikator auf /d/x trainieren.",
    "asked about": f"Would it be wise to {TRAIN}?",
    "forbidden far away": f"Do not, whatever the others say, {TRAIN}.",
    "refrained from": "Please refrain, until the audit is over, from training st-gcn on /data/x.",
    "forbidden afterwards": f"{TRAIN} is precisely what must not happen today.",
    "forbidden in German": "Trainiere den Posenklassifikator auf /d/x auf gar keinen Fall.",
    "done by the speaker": "Pose classifier job 7f3a2c is fine, I'll export it myself.",
    "taken back": f"{TRAIN}. Oh wait, forget it, I found the old checkpoint.",
    "a thing to write": f"Write a bash script to {TRAIN}.",
    "for somebody else": f"Draft an email asking Bob to {TRAIN}.",
    "tried by another": f"The previous agent tried to {TRAIN} and failed.",
    "doubted": f"I doubt that we should {TRAIN}.",
    "wanted by nobody": f"Nobody wants you to {TRAIN}.",
    "not yet": f"I'd love to {TRAIN} but the data isn't ready yet.",
    "none of it, in German": "Bitte keinen Posenklassifikator auf /d/x trainieren.",
    "not wanted, in Chinese": "我不想在 /data/gym 上训练姿态分类模型",
    "for the record": f"{TRAIN}. Just filing this here, nothing to do.",
}
NOT_NOW = {
    "a condition": f"In case Maria agrees, {TRAIN}.",
    "a condition in German": "Wenn das Wetter schlecht ist, trainiere st-gcn auf /daten/x.",
    "when something else is": f"When the GPU is free, {TRAIN}.",
    "after something else": f"After lunch, {TRAIN}.",
    "a schedule": f"Three weeks from now, {TRAIN}.",
}
MEANT = {
    "courtesy": f"If you don't mind, {TRAIN}.",
    "a wish as a condition": f"It would be great if you could {TRAIN}.",
    "passed on": f"My supervisor told me to {TRAIN}.",
    "passed on by an agent": f"User asked to {TRAIN}.",
    "with a tool": "use ./spec.yaml to train the pose classifier on /data/gym",
    "once more": f"Once more: {TRAIN}.",
    "a question that asks": f"Could someone {TRAIN}?",
    "after a story": f"We filmed twelve people last week, so please {TRAIN}.",
    "after a quotation": f'He said "never". Still, {TRAIN}.',
    "after a log": f"error: no space left on device\nI made some room. {TRAIN}.",
    "what the model says": "Train st-gcn on /data/gym that says which exercise it is.",
    "a negation that ends": f"I do not have a GPU, so {TRAIN}.",
    "nothing but a command line": f"$ {TRAIN}",
}


@pytest.mark.parametrize("text", NOT_MEANT.values(), ids=NOT_MEANT)
def test_what_is_only_spoken_of_is_nothing(reader: SentenceReader, text: str) -> None:
    assert reader.read(text).outcome is Outcome.NOTHING


@pytest.mark.parametrize("text", NOT_NOW.values(), ids=NOT_NOW)
def test_what_waits_for_something_is_refused(reader: SentenceReader, text: str) -> None:
    assert reader.read(text).outcome is Outcome.UNSUPPORTED


@pytest.mark.parametrize("text", MEANT.values(), ids=MEANT)
def test_what_is_asked_for_in_a_roundabout_way_is_a_plan(reader: SentenceReader, text: str) -> None:
    answer = reader.read(text)

    assert answer.outcome is Outcome.PLAN
    assert [step.action for step in answer.steps] == ["train"]


@pytest.mark.parametrize(
    "text", ["If job 7f3a2c fails, resume it.", "Should I cancel job 7f3a2c?", "He said: stop it."]
)
def test_a_job_is_not_touched_by_what_is_only_spoken_of(reader: SentenceReader, text: str) -> None:
    assert reader.read(text).command is None


def test_the_message_says_why_and_what_to_do(reader: SentenceReader) -> None:
    message = reader.read(f"In case Maria agrees, {TRAIN}.").message

    assert "depends on a condition" in message
    assert "Ask for it in a sentence of its own." in message


def test_a_value_of_the_past_is_left_aside_and_told(reader: SentenceReader) -> None:
    answer = reader.read(f"The old run used a learning rate of 0.1. {TRAIN}.")

    assert answer.steps[0].overrides == {"train.num_epochs": 30}
    assert any("told of the past" in note for note in answer.notes)


def test_two_roots_for_one_training_are_not_chosen_between(reader: SentenceReader) -> None:
    answer = reader.read("train the pose classifier on /data/a and /data/b")

    assert answer.outcome is Outcome.CONTRADICTORY
    assert "/data/a" in answer.message
    assert "/data/b" in answer.message


def test_a_training_on_top_of_one_in_the_same_plan_is_refused(reader: SentenceReader) -> None:
    answer = reader.read(
        "Train the pose classifier on /data/a for 3 epochs, then fine-tune it on /data/b."
    )

    assert not answer.outcome.can_run


@pytest.mark.parametrize("folder", ["examples/cmu_mocap", "my_data/set1", "gym/v2"])
def test_a_folder_in_a_folder_is_a_place(reader: SentenceReader, folder: str) -> None:
    answer = reader.read(f"train a pose classifier on {folder} for 3 epochs")

    assert answer.steps[0].data == {"all": folder}


def test_every_step_tells_the_words_that_named_its_skill(reader: SentenceReader) -> None:
    origins = {one.part: one.words for one in reader.read(TRAIN).origins}

    assert origins["steps[0].skill"] == "pose classifier"


@pytest.mark.parametrize("extra", ["and mail me the result", "with early stopping after 5 epochs"])
def test_a_wish_that_nothing_serves_is_refused_with_the_rest(
    reader: SentenceReader, extra: str
) -> None:
    assert reader.read(f"{TRAIN} {extra}").outcome is Outcome.UNSUPPORTED


def test_no_command_touches_every_job_at_once(reader: SentenceReader) -> None:
    assert reader.read("stop all jobs").command is None
