"""Run the command ``nasbench`` as ``python -m nasbench``."""

from nasbench.cli import main

main()
