"""`holdfast install`: an extension from its folder, or a bundle, into the data folder."""

from __future__ import annotations

from pathlib import Path

from holdfast.cli.installing import open_installer
from holdfast.cli.options import DataDir, Json, load_settings
from holdfast.cli.platform.presence import extension_url
from holdfast.cli.printing import print_json, print_lines, progress_notes
from holdfast.logs import configure_logs


async def install(directory: Path, *, data_dir: DataDir = None, json: Json = False) -> None:
    """Build, pack and install an extension, whether or not the platform is running. A signature beside the bundle is taken along.

    Args:
        directory: The folder of an extension, or a bundle (.tar.zst).
    """
    settings = load_settings(data_dir=data_dir)
    configure_logs(settings.model_copy(update={"log_level": "warning"}))
    async with open_installer(settings) as installer:
        installed = await installer.install(directory, progress_notes(quiet=json))
    url = extension_url(settings.data_dir, installed.registry_id)
    if json:
        print_json(
            {
                "registry_id": installed.registry_id,
                "version_id": installed.version_id,
                "install_id": installed.install_id,
                "content_hash": installed.content_hash,
                "signature": installed.verdict.state,
                "signed_by": installed.verdict.key_name,
                "url": url,
            }
        )
        return
    print_lines(
        f"Installed {installed.display_name} {installed.version}",
        f"  extension  {installed.registry_id}",
        f"  bundle     {installed.content_hash}",
        f"  signature  {installed.verdict}",
        f"  granted    {', '.join(installed.granted) or 'nothing'}",
        f"  may call   {', '.join(installed.egress) or 'no host'}",
        f"  page       {url}",
    )
