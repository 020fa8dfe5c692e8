"""Argos packs between processes, and what importing Argos Translate leaves behind."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

from appliance.engines.argos_model import try_out
from appliance.engines.argos_packs import ArgosPacks, verify_files
from appliance.testing.tiny_argos_pack import build_tiny_pack


def a_pack(tmp_path: Path, word: str) -> Path:
    return build_tiny_pack(tmp_path / f"{word}.argosmodel", "en", "fr", {"hello": word})


def run_python(program: str, tmp_path: Path, *arguments: str) -> subprocess.Popen:
    environment = {
        "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "ARGOS_PACKAGES_DIR": str(tmp_path / "elsewhere"), "ARGOS_DEBUG": "1", "SNAP": "1",
    }  # fmt: skip
    for folder in ("home", "tmp"):
        (tmp_path / folder).mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *arguments],
        env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_argos_makes_no_folder_elsewhere_and_imports_neither_its_translate_module_nor_stanza_nor_torch(tmp_path):
    archive = a_pack(tmp_path, "bonjour")
    program = """
        import os, sys
        from pathlib import Path
        made = []
        sys.addaudithook(lambda event, details: made.append(str(details[0])) if event == "os.mkdir" else None)
        from appliance.engines.argos_model import try_out
        from appliance.engines.argos_packs import ArgosPacks
        assert not made, "nothing may happen at import"
        before = dict(os.environ)
        packs = ArgosPacks(Path(sys.argv[2]), try_out=try_out)
        packs.install(Path(sys.argv[1]))
        assert packs.pairs() == {("en", "fr")}
        packs.remove("en", "fr")
        assert dict(os.environ) == before
        loaded = sys.modules.keys() & {"stanza", "torch", "spacy", "minisbd", "argostranslate.sbd"}
        assert not loaded, loaded
        assert getattr(sys.modules["argostranslate.translate"], "__file__", None) is None
        allowed = (sys.argv[2], os.environ["TMPDIR"])
        assert all(folder.startswith(allowed) for folder in made), made
    """
    process = run_python(program, tmp_path, str(archive), str(tmp_path / "argos"))
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    for folder in ("home", "tmp"):
        assert list((tmp_path / folder).iterdir()) == []
    assert not (tmp_path / "elsewhere").exists()


def test_many_processes_installing_the_same_pair_leave_one_whole_pack(tmp_path):
    archives = [a_pack(tmp_path, word) for word in ("bonjour", "salut", "coucou")]
    program = """
        import sys
        from pathlib import Path
        from appliance.engines.argos_packs import ArgosPacks
        packs = ArgosPacks(Path(sys.argv[1]))
        for turn in range(5):
            packs.install(Path(sys.argv[2]))
            assert len(packs.installed()) == 1
    """
    processes = [run_python(program, tmp_path, str(tmp_path / "argos"), str(archive)) for archive in archives]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err
    [pack] = ArgosPacks(tmp_path / "argos").installed()
    verify_files(pack)
    try_out(pack.folder)
    assert list((tmp_path / "argos" / "packages").iterdir()) == [pack.folder]
    assert list((tmp_path / "argos" / "staging").iterdir()) == []
