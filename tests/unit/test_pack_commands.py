import pytest
from click.testing import CliRunner

from models.packs.commands import packs


def test_given_a_folder_without_packs_then_evaluate_says_which_is_missing(tmp_path):
    result = CliRunner().invoke(packs, ["evaluate", "--folder", str(tmp_path)])

    assert result.exit_code == 1
    assert "en_fr.argosmodel is missing" in result.output


def test_without_torch_train_says_what_to_install():
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        result = CliRunner().invoke(packs, ["train", "en-fr"])
        assert result.exit_code == 1
        assert "installer/locks/train.in" in result.output
    else:
        pytest.skip("torch is installed")
