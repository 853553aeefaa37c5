"""What the rules say of the installed Transformers and PEFT is what these do."""

from __future__ import annotations

import pytest
import torch
from safetensors import safe_open
from torch.utils.data import Dataset

import seedproof

EXAMPLES, EPOCHS = 12, 3


class _Numbers(Dataset):
    def __len__(self):
        return EXAMPLES

    def __getitem__(self, index):
        return {"x": index, "labels": 0}


class _Listening(torch.nn.Module):
    """Notes the examples that it is given."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Linear(1, 1)
        self.seen = []

    def forward(self, x, labels):
        self.seen += x.tolist()
        return {"loss": self.weight(x[:, None].float()).sum() * 0}


def orders(folder, **seeds):
    """The order of the examples in each epoch."""
    from transformers import Trainer, TrainingArguments

    args = TrainingArguments(
        str(folder),
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=4,
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
        **seeds,
    )
    model = _Listening()
    Trainer(model=model, args=args, train_dataset=_Numbers()).train()
    return [tuple(model.seen[start : start + EXAMPLES]) for start in range(0, EXAMPLES * EPOCHS, EXAMPLES)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_trainer_orders_epoch_e_by_its_seed_plus_e(tmp_path):
    first, second, far = (orders(tmp_path, seed=seed) for seed in (1, 2, 1001))
    assert first[1:] == second[:-1]
    assert len({*first, *second}) == EPOCHS + 1
    assert not {*first} & {*far}
    assert orders(tmp_path, seed=1, data_seed=7) == orders(tmp_path, seed=2, data_seed=7)


@pytest.mark.slow
def test_a_16_bit_checkpoint_stays_so_unless_told(tiny_model, tmp_path):
    from transformers import AutoModelForSequenceClassification as Model

    Model.from_pretrained(tiny_model, dtype=torch.bfloat16).save_pretrained(tmp_path)
    assert Model.from_pretrained(tmp_path).dtype == torch.bfloat16
    assert Model.from_pretrained(tmp_path, dtype=torch.float32).dtype == torch.float32


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")  # PEFT asks for a name that Transformers gives up
@pytest.mark.parametrize(
    ("kind", "told", "is_trained"),
    [
        ("SequenceClassification", {}, False),
        ("SequenceClassification", {"task_type": "SEQ_CLS"}, True),
        ("QuestionAnswering", {"task_type": "QUESTION_ANS"}, True),
    ],
)
def test_peft_trains_and_saves_the_head_where_it_knows_of_it(tiny_model, tmp_path, kind, told, is_trained):
    import peft
    import transformers

    head = {"SequenceClassification": "classifier", "QuestionAnswering": "qa_outputs"}[kind]
    config = peft.LoraConfig(r=2, target_modules=["query"], **told)
    loaded = getattr(transformers, f"AutoModelFor{kind}").from_pretrained(tiny_model)
    model = peft.get_peft_model(loaded, config)
    trained = [name for name, weight in model.named_parameters() if weight.requires_grad and "lora_" not in name]
    model.save_pretrained(tmp_path)
    with safe_open(tmp_path / "adapter_model.safetensors", framework="numpy") as file:
        saved = [name for name in file.keys() if "lora_" not in name]  # noqa: SIM118  # no mapping
    assert (any(head in name for name in trained), any(head in name for name in saved)) == (is_trained, is_trained)
    assert bool(seedproof.diagnose(tmp_path).findings) is not is_trained


def test_the_baseline_that_rules_know_is_that_of_stable_arguments(tmp_path):
    """The doctor reads scripts without Transformers, so it has the numbers by itself."""
    from seedproof.connect import arguments as real
    from seedproof.doctor.sources import arguments as known

    given = real.stable_arguments(600, tmp_path)
    of_given = {name: getattr(given, name) for name in known.BASELINE}
    assert {name: getattr(value, "value", value) for name, value in of_given.items()} == known.BASELINE
    assert (known.EPOCHS, known.LARGEST_TASK, known.SPACING) == (real.EPOCHS, real.LARGEST_TASK, real.SPACING)
