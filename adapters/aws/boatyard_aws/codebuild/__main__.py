"""`python -m boatyard_aws.codebuild`: what a CodeBuild build runs. See `inside`."""

import sys

from boatyard_aws.codebuild.inside import main

if __name__ == "__main__":
    sys.exit(main())
