"""Requests over HTTP, for lookups."""

import base64
import ssl
import urllib.error  # noqa: F401
import urllib.request


class ConnectionError(Exception):
    """A server that cannot be reached."""


class SSLValidationError(ConnectionError):
    """A certificate that is not trusted."""


def basic_auth_header(username, password):
    return b"Basic " + base64.b64encode("{}:{}".format(username or "", password or "").encode("utf-8"))


def open_url(url, data=None, headers=None, method=None, use_proxy=True, force=False, last_mod_time=None, timeout=10,
             validate_certs=True, url_username=None, url_password=None, http_agent="ansible-httpget",
             force_basic_auth=False, follow_redirects="urllib2", client_cert=None, client_key=None, ca_path=None, **_):
    """Opens an URL; the answer is urllib's."""
    request = urllib.request.Request(url, data=data, headers=dict(headers or {}), method=method)
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
