"""CodeBuild as the runner where there is no cluster: the JobRunner port, and what runs inside the build."""

from boatyard_aws.codebuild.runner import CodeBuildJobRunner
from boatyard_aws.codebuild.starter import Project

__all__ = ["CodeBuildJobRunner", "Project"]
