"""What the rule on data orders says of the installed Trainer is what the Trainer does."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import Dataset

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
