"""Upload of a model's folder to the hub, by huggingface_hub."""

from __future__ import annotations

from pathlib import Path

from seedproof.errors import UserError, hub_errors


def check_name(name: str) -> str:
    """The name of a repository on the hub.

    Raises:
        UserError: it is none.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # documented, not in __all__

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise UserError(f"--push-to {name} is no name on the hub (such as me/my-model): {error}") from None
    return name


def push(folder: Path, name: str, message: str, description: str) -> str:
    """Upload a model's folder, card and ensemble included; makes the repository, private, where there is none.

    Args:
        folder: of the model.
        name: of the repository.
        message: of the commit.
        description: of it: what the one number of the model's page leaves out.

    Returns:
        The address of the commit.

    Raises:
        UserError: the hub refuses, or cannot be reached; the folder is whole all the same.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        api.create_repo(name, private=True, exist_ok=True)
        return str(
            api.upload_folder(repo_id=name, folder_path=folder, commit_message=message, commit_description=description)
        )
    except hub_errors() as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"the hub did not take {name} ({why}); the model is whole in {folder}: check the connection, log in with `hf auth "
            "login`, and give the same command again"
        ) from error
