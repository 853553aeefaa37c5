"""Upload to the hub, with its API replaced: what is sent, and what is said when the hub refuses."""

from __future__ import annotations

import pytest

from seedproof.errors import UserError, hub_errors
from seedproof.fitting.pushing import check_name, push


class Hub:
    """Stands for ``huggingface_hub.HfApi``."""

    def __init__(self):
        self.calls = []

    def create_repo(self, name, **options):
        self.calls.append(("create", name, options))

    def upload_folder(self, **options):
        self.calls.append(("upload", options))
        return "https://hub/me/model/commit/1"


def test_the_whole_folder_goes_to_a_private_repository_with_the_spread_in_its_message(monkeypatch, tmp_path):
    hub = Hub()
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: hub)
    assert push(tmp_path, "me/model", "fit", "best of 5 seeds; SD 0.02") == "https://hub/me/model/commit/1"
    create, upload = hub.calls
    assert create == ("create", "me/model", {"private": True, "exist_ok": True})
    assert upload[1]["folder_path"] == tmp_path
    assert upload[1]["commit_description"] == "best of 5 seeds; SD 0.02"


def test_a_hub_that_refuses_is_one_message_and_the_model_is_kept(monkeypatch, tmp_path):
    from huggingface_hub.errors import LocalTokenNotFoundError

    class Refusing(Hub):
        def create_repo(self, name, **options):
            raise LocalTokenNotFoundError("Token is required\nlong explanation")

    monkeypatch.setattr("huggingface_hub.HfApi", Refusing)
    with pytest.raises(UserError, match=r"the hub did not take me/model \(Token is required\); the model is whole in"):
        push(tmp_path, "me/model", "fit", "")


def test_a_hub_that_cannot_be_reached_is_one_message(monkeypatch, tmp_path):
    """The errors of the hub's HTTP client are none of the operating system."""
    [client] = [each for each in hub_errors() if not issubclass(each, OSError)]

    class Away(Hub):
        def upload_folder(self, **options):
            raise client("Connection refused")

    monkeypatch.setattr("huggingface_hub.HfApi", Away)
    with pytest.raises(UserError, match=r"did not take me/model \(Connection refused\).*check the connection"):
        push(tmp_path, "me/model", "fit", "")


@pytest.mark.parametrize("name", ["me/my/model", "a b", "-model", ""])
def test_a_name_that_the_hub_cannot_have_is_refused_before_anything_is_trained(name):
    with pytest.raises(UserError, match="is no name on the hub"):
        check_name(name)
