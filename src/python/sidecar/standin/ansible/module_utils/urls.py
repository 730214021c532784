"""Requests over HTTP, for plugins and modules."""

import base64
import calendar
import email.utils
import http.cookiejar
import os
import socket
import time
import ssl
import urllib.error  # noqa: F401
import urllib.request


class ConnectionError(Exception):
    """A server that cannot be reached."""


class SSLValidationError(ConnectionError):
    """A certificate that is not trusted."""


class NoSSLError(SSLValidationError):
    """There is no TLS."""


class MissingModuleError(Exception):
    """A library that is not there."""

    def __init__(self, message, import_traceback=None, module=None):
        super().__init__(message)
        self.import_traceback = import_traceback
        self.module = module


class _StayThere(urllib.request.HTTPRedirectHandler):
    """Gives the answer that says where to go."""

    def redirect_request(self, *_):
        return None


def basic_auth_header(username, password):
    return b"Basic " + base64.b64encode("{}:{}".format(username or "", password or "").encode("utf-8"))


def open_url(url, data=None, headers=None, method=None, use_proxy=True, force=False, last_mod_time=None, timeout=10,
             validate_certs=True, url_username=None, url_password=None, http_agent="ansible-httpget",
             force_basic_auth=False, follow_redirects="urllib2", client_cert=None, client_key=None, ca_path=None,
             cookies=None, **_):
    """Opens an URL; the answer is urllib's."""
    if isinstance(data, str):
        data = data.encode("utf-8")
    request = urllib.request.Request(url, data=data, headers=dict(headers or {}), method=method)
    if force:
        request.add_header("Cache-Control", "no-cache")
    elif last_mod_time:
        seconds = calendar.timegm(last_mod_time.utctimetuple())
        request.add_header("If-Modified-Since", email.utils.formatdate(seconds, usegmt=True))
    if not request.has_header("User-agent"):
        request.add_header("User-Agent", http_agent)
    if url_username and force_basic_auth:
        request.add_header("Authorization", basic_auth_header(url_username, url_password).decode("ascii"))
    context = ssl.create_default_context(cafile=ca_path)
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if client_cert:
        context.load_cert_chain(client_cert, client_key)
    handlers = [urllib.request.HTTPSHandler(context=context)]
    if cookies is not None:
        handlers.append(urllib.request.HTTPCookieProcessor(cookies))
    if str(follow_redirects).lower() in ("no", "none", "false"):
        handlers.append(_StayThere())
    if not use_proxy:
        handlers.append(urllib.request.ProxyHandler({}))
    if url_username and not force_basic_auth:
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, url, url_username, url_password)
        handlers.append(urllib.request.HTTPBasicAuthHandler(passwords))
        handlers.append(urllib.request.HTTPDigestAuthHandler(passwords))
    try:
        return urllib.request.build_opener(*handlers).open(request, timeout=timeout)
    except ssl.SSLError as error:
        raise SSLValidationError("Failed to validate the SSL certificate for {}: {}".format(url, error)) from error


class Request:
    """Requests with things in common."""

    def __init__(self, headers=None, use_proxy=True, force=False, timeout=10, validate_certs=True, url_username=None,
                 url_password=None, http_agent=None, force_basic_auth=False, follow_redirects="urllib2", client_cert=None,
                 client_key=None, cookies=None, unix_socket=None, ca_path=None, **_):
        self.headers = dict(headers or {})
        self.cookies = cookies if cookies is not None else http.cookiejar.CookieJar()
        self._defaults = dict(
            use_proxy=use_proxy, force=force, timeout=timeout, validate_certs=validate_certs, url_username=url_username,
            url_password=url_password, http_agent=http_agent or "ansible-httpget", force_basic_auth=force_basic_auth,
            follow_redirects=follow_redirects, client_cert=client_cert, client_key=client_key, ca_path=ca_path,
        )

    def open(self, method, url, data=None, headers=None, cookies=None, **options):
        given = {name: value for name, value in options.items() if value is not None}
        all_headers = dict(self.headers, **(headers or {}))
        jar = self.cookies if cookies is None else cookies
        return open_url(url, data=data, headers=all_headers, method=method, cookies=jar, **dict(self._defaults, **given))

    def get(self, url, **options):
        return self.open("GET", url, **options)

    def options(self, url, **options):
        return self.open("OPTIONS", url, **options)

    def head(self, url, **options):
        return self.open("HEAD", url, **options)

    def post(self, url, data=None, **options):
        return self.open("POST", url, data=data, **options)

    def put(self, url, data=None, **options):
        return self.open("PUT", url, data=data, **options)

    def patch(self, url, data=None, **options):
        return self.open("PATCH", url, data=data, **options)

    def delete(self, url, **options):
        return self.open("DELETE", url, **options)


def url_argument_spec():
    """The options that modules for addresses share."""
    return {
        "url": {"type": "str"}, "force": {"type": "bool", "default": False},
        "http_agent": {"type": "str", "default": "ansible-httpget"}, "use_proxy": {"type": "bool", "default": True},
        "validate_certs": {"type": "bool", "default": True}, "url_username": {"type": "str"},
        "url_password": {"type": "str", "no_log": True}, "force_basic_auth": {"type": "bool", "default": False},
        "client_cert": {"type": "path"}, "client_key": {"type": "path"}, "use_gssapi": {"type": "bool", "default": False},
    }


def url_redirect_argument_spec():
    choices = ["all", "no", "none", "safe", "urllib2", "yes"]
    return {"follow_redirects": {"type": "str", "choices": choices, "default": "safe"}}


def fetch_url(module, url, data=None, headers=None, method=None, use_proxy=None, force=False, last_mod_time=None, timeout=10,
              use_gssapi=False, unix_socket=None, ca_path=None, cookies=None, unredirected_headers=None, decompress=True,
              ciphers=None, use_netrc=True):
    """A module's request: the answer, or None, and what is known about it."""
    if unix_socket:
        module.fail_json(msg="rplay's stand-in for ansible.module_utils.urls has no unix_socket: install ansible-core here")
    params = module.params
    jar = http.cookiejar.CookieJar() if cookies is None else cookies
    answer, info = None, {"url": url, "status": -1}
    try:
        answer = open_url(
            url, data=data, headers=headers, method=method, force=force, last_mod_time=last_mod_time, timeout=timeout,
            use_proxy=params.get("use_proxy", True) if use_proxy is None else use_proxy,
            validate_certs=params.get("validate_certs", True), url_username=params.get("url_username", ""),
            url_password=params.get("url_password", ""), http_agent=params.get("http_agent") or "ansible-httpget",
            force_basic_auth=params.get("force_basic_auth", False),
            follow_redirects=params.get("follow_redirects", "urllib2"), client_cert=params.get("client_cert"),
            client_key=params.get("client_key"), cookies=jar, ca_path=ca_path,
        )
        _tell(info, answer.headers)
        info.update(msg="OK ({} bytes)".format(answer.headers.get("Content-Length", "unknown")), url=answer.geturl(),
                    status=answer.getcode())
    except urllib.error.HTTPError as error:
        answer = error
        try:
            body = error.read()
        except (AttributeError, OSError):
            body = b""
        _tell(info, error.headers)
        info.update(msg=str(error), body=body, status=error.code)
        if error.fp is None or not body:
            answer = None
    except SSLValidationError as error:
        module.fail_json(msg=str(error), url=url, status=-1)
    except (ConnectionError, ValueError) as error:
        module.fail_json(msg=str(error), **info)
    except urllib.error.URLError as error:
        info.update(msg="Request failed: {}".format(error), status=int(getattr(error, "code", -1)))
    except socket.timeout as error:
        info.update(msg="Connection failure: {}".format(error), status=-1)
    except OSError as error:
        info.update(msg="Connection failure: {}".format(error), status=-1)
    info["cookies"] = {cookie.name: cookie.value for cookie in jar}
    info["cookies_string"] = "; ".join("{}={}".format(*pair) for pair in info["cookies"].items())
    return answer, info


def _tell(info, headers):
    for name, value in headers.items():
        name = name.lower()
        info[name] = "{}, {}".format(info[name], value) if name == "set-cookie" and name in info else value


def fetch_file(module, url, data=None, headers=None, method=None, use_proxy=True, force=False, last_mod_time=None, timeout=10,
               unredirected_headers=None, decompress=True, ciphers=None):
    """Fetches into a file that goes with the module."""
    import tempfile

    stem, ending = os.path.splitext(os.path.basename(url.partition("?")[0]))
    with tempfile.NamedTemporaryFile(dir=module.tmpdir, prefix=stem, suffix=ending, delete=False) as file:
        module.add_cleanup_file(file.name)
        answer, info = fetch_url(module, url, data, headers, method, use_proxy, force, last_mod_time, timeout)
        if answer is None:
            module.fail_json(msg="Failure downloading {}, {}".format(url, info["msg"]))
        for part in iter(lambda: answer.read(65536), b""):
            file.write(part)
    return file.name


def rfc2822_date_string(timetuple, zone="-0000"):
    return time.strftime("%a, %d %b %Y %H:%M:%S ", timetuple) + zone
