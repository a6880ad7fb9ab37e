WHO = "poetry_app"
