"""Real models and real recordings for the tests in this folder: skipped where they are absent, an error in CI."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.catalog.store import ModelStore
from appliance.errors import ModelCorrupt, ModelMissing
from appliance.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]


def _absent(reason: str) -> None:
    """Skip at home; in CI a missing part is a failure, else a test could stay green by never running."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def model_store() -> ModelStore:
    """The models of MEESHY_MODELS_DIR or of this user's default folder; research models are allowed."""
    return ModelStore(Settings(licence="evaluation"))


@pytest.fixture(scope="session")
def model_path(model_store: ModelStore) -> Callable[[str], Path]:
    """Give the folder of one checked model by its id."""

    def path(model_id: str) -> Path:
        try:
            return model_store.require(model_id)
        except (ModelMissing, ModelCorrupt) as error:
            _absent(error.detail)
            raise AssertionError("unreachable") from error

    return path


@pytest.fixture(scope="session")
def models_dir(model_store: ModelStore, model_path: Callable[[str], Path]) -> Path:
    """The folder with every starter and test model in it, checked; language packs only if they are pulled."""
    for model in (*model_store.catalog.of_set("starter"), *model_store.catalog.of_set("test")):
        if model.task != "translation":
            model_path(model.id)
    return model_store.root


@pytest.fixture(scope="session")
def human_speech() -> Path:
    """The folder of human recordings that lies beside the checkout (its README lists speakers and texts)."""
    folder = CHECKOUT.parent / "shared" / "data" / "human_speech"
    if not folder.is_dir():
        # These recordings are not ours to commit and no package carries them, so a clone elsewhere has none, CI or not.
        pytest.skip(f"{folder} does not exist; the human recordings are not part of the checkout")
    return folder
