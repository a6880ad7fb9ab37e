FROM registry.example.com/base
COPY . /app
