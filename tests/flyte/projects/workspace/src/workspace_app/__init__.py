WHO = "workspace_app"
