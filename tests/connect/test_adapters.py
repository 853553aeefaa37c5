"""A model that PEFT has wrapped is watched like any other: its head, layers and kinds of weight are found."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from tests.connect.made import model, rows, watched

import seedproof as sp
from seedproof.alarms import Alarm, Doomed
from seedproof.alarms.doomed import FRACTIONS, Decision, Fit
from seedproof.training.saturation import PoolerCounter

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # PEFT asks for it
CERTAIN = Fit(decisions=(Decision(intercept=9.0, learned=0.0, vanished=0.0),) * len(FRACTIONS), threshold=0.9)
"""A detector that holds every run for doomed at which it can look."""


def adapted(**settings):
    torch.manual_seed(0)
    return get_peft_model(model(), LoraConfig(task_type="SEQ_CLS", r=2, **settings))


def test_the_gradients_of_an_update_are_those_of_its_matrix(tmp_path):
    watched(tmp_path, adapted(target_modules=["query", "value"]))
    results = sp.open_results(tmp_path / "store")
    found = results.gradient_norms(rows(tmp_path)[0]["run"])
    assert found["kind"].tolist() == ["query", "value", "query", "value", "classifier", "total"]
    assert found["layer"].fillna(-1).tolist() == [0, 0, 1, 1, -1, -1]
    [recorded] = results.records(rows(tmp_path)[0]["run"]).query("kind == 'gradients' and step == 1")["norms"]
    np.testing.assert_allclose(found["norm"][0], np.hypot(*recorded[:2]), rtol=1e-6)  # A and B of the lowest query


def test_the_detector_looks_at_an_adapted_model(tmp_path, caplog):
    looks = {"max_steps": 30, "options": {"alarm": lambda: Doomed(fit=CERTAIN)}}
    watched(tmp_path, adapted(target_modules=["query", "value"]), **looks)
    assert "looks doomed at step 20, because it is 100% likely to fail" in caplog.text


class Everywhere(Alarm):
    """Sounds at the second step, and was measured on every model."""

    def see(self, signals):
        return "it is step 2" if signals.step == 2 else None

    def may_stop(self, model):
        return True


@pytest.mark.parametrize(("is_adapted", "steps"), [(True, 4), (False, 2)])
def test_what_was_measured_on_whole_models_stops_no_adapter(tmp_path, is_adapted, steps):
    options = {"alarm": Everywhere, "stop": "validated", "recording": sp.Recording(probes={"gradients": 1})}
    made = watched(tmp_path, adapted(target_modules=["query"]) if is_adapted else model(), options=options)
    assert made.state.global_step == steps


def test_of_an_updated_pooler_what_goes_into_its_tanh_is_counted():
    wrapped = adapted(target_modules=["pooler.dense"])
    counter = PoolerCounter(wrapped)
    wrapped.base_model.model.bert.pooler.dense.base_layer.weight.data.fill_(0.0)
    wrapped.base_model.model.bert.pooler.dense.base_layer.bias.data.fill_(100.0)
    counter.begin(is_needed=True)
    wrapped(input_ids=torch.tensor([[1, 2, 3]]))
    assert float(counter.share()) == 1.0  # those of A's output, with 2 units for 16, would be less
    counter.remove()
