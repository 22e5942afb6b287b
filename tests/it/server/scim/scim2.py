"""scim2-server as its own command starts it, and a login for applications: POST /TENANT/login {userName, password}."""

import json

from scim2_server.testserver import cli


class WithLogin(cli.BearerTokenApplication):
    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] != "/login":
            return super().__call__(environ, start_response)
        asked = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(self.lets_in(asked["userName"], asked["password"])).encode()]

    def lets_in(self, name, password):
        for resource in self.storage.resources:
            if getattr(resource, "user_name", None) and resource.user_name.lower() == name.lower():
                return resource.active is not False and bool(password) and resource.password == password
        return False


cli.BearerTokenApplication = WithLogin
cli.main()
