WHO = "uv_app"
