"""Registers a file as the next version of a model: register.py TRACKING_URI MODEL FILE ALIAS. Prints the version."""

import sys

import mlflow
from mlflow.exceptions import MlflowException

uri, model, file, alias = sys.argv[1:]
mlflow.set_tracking_uri(uri)
client = mlflow.MlflowClient()
try:
    client.create_registered_model(model)
except MlflowException:
    pass  # it has versions already
with mlflow.start_run() as run:
    mlflow.log_artifact(file, "model")
    source = f"{run.info.artifact_uri}/model"
    version = client.create_model_version(model, source, run.info.run_id).version
client.set_registered_model_alias(model, alias, version)
print(version)
