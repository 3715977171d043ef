"""Where the shipped files are: inside the wheel, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(folder: str) -> Path:
    """The folder ``templates`` or ``schemas``. Raises ``FileNotFoundError`` on a broken installation."""
    for candidate in (_PACKAGE / "_shipped" / folder, _PACKAGE.parent / folder):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"RetroVue's {folder} are missing: install it again")


def font() -> Path:
    """A TrueType font file from a wheel; the host's fonts are never used.

    Imported here, not at the top: only whoever draws needs it.
    """
    from importlib.util import find_spec

    spec = find_spec("fontpkg_roboto")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the font package is missing: install RetroVue again")
    upright = [f for f in sorted(Path(spec.origin).parent.rglob("*.ttf")) if "Italic" not in f.name]
    return upright[0]


def card_fonts() -> tuple[dict[int, Path], Path]:
    """What cards and overlays are set in: weight → font file, and the file for what those lack."""
    from importlib.util import find_spec

    spec = find_spec("fontpkg_ibm_plex_sans_condensed")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the font package is missing: install RetroVue again")
    weights = {400: "Regular", 500: "Medium", 600: "SemiBold", 700: "Bold"}
    found = {path.stem.rpartition("-")[2]: path for path in Path(spec.origin).parent.rglob("*.ttf")}
    return {weight: found[name] for weight, name in weights.items()}, font()
