"""The help of `alga`."""

from __future__ import annotations

HELP = """alga: the existing platform's command line, done by Holdfast

Usage:
  alga create extension NAME [--template basic|ui-gallery] [--directory DIR] [--no-install]
  alga create component NAME [--template component-basic] [--directory DIR] [--no-install]
  alga component create NAME
  alga component dev [NAME] [--directory DIR]
  alga build [--project DIR] [--skip-install] [--engine quickjs|starlingmonkey] [--strict] [--force]
  alga pack [--project DIR] [--out BUNDLE] [--force]
  alga sign BUNDLE [--key FILE]
  alga extension publish DIR|BUNDLE [--no-install]
  alga extension install REGISTRY_ID --version VERSION
  alga extension uninstall REGISTRY_ID

  The templates are also called page (basic), react (ui-gallery), typescript (component-basic) and python.
  --dir and --cwd are other names of --project; --dir is another one of --directory; --outfile of --out.

  publish, install and uninstall also take
    --api-key-file FILE   file with the API key (or set ALGA_API_KEY)
    --tenant ID           the tenant (or set ALGA_TENANT_ID; default: the tenant of the key)
    --base-url URL        the server (or set ALGA_API_BASE_URL; default: http://localhost:3000)
    --timeout MS          longest wait for one response

Every command of `holdfast` works as well, such as `alga new`, `alga dev` and `alga install`: see `holdfast --help`.
"""
