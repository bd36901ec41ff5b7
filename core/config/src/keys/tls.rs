//! The keys of `tls`, of listeners and of pools.

use crate::keys::kinds::{PATH, SERVER_NAME, text};
use crate::keys::{Kind, Section, Word, key, word};

pub(crate) static LISTENER_TLS: Section = Section {
    place: "`tls` of `[listener.NAME]`",
    id: "listener-tls",
    doc: "Connections are encrypted up to here.",
    keys: &[
        key(
            "certificates",
            Kind::OneOrMore(&CERTIFICATE_KIND),
            "A PEM file with the chain and the key, or { cert, key }; several are chosen by the name that the client asks for (SNI), the first answers everything else.",
        )
        .required("[\"certs/example.com.pem\"]")
        .also(&["certificate", "cert", "crt", "ssl_certificate"]),
        key(
            "client_ca",
            text(&PATH),
            "PEM: who may have signed the certificates of clients, which are then asked for and verified.",
        )
        .also(&["ca", "ca-file", "ssl_client_certificate"]),
        key(
            "client_auth",
            Kind::Word(CLIENT_AUTHS),
            "Whether a client may come without a certificate; with `client_ca`.",
        )
        .default("\"require\"")
        .also(&["verify", "ssl_verify_client"]),
        key(
            "client_header",
            Kind::OneOrMore(&Kind::Word(CLIENT_HEADERS)),
            "How backends are told of a client's certificate; what clients themselves send under these names is removed; [] = not at all.",
        )
        .default("[\"client-cert\", \"x-ssl-client\"]")
        .also(&["client_headers", "forward_client_cert"]),
        key("min_version", Kind::Word(VERSIONS), "Nothing older is spoken.")
            .default("\"1.2\"")
            .also(&["ssl_protocols", "min_tls_version", "protocols", "ssl-min-ver"]),
        key("alpn", Kind::OneOrMore(&Kind::Word(ALPNS)), "What is offered inside, best first (ALPN).")
            .default("[\"h2\", \"http/1.1\"]"),
    ],
};

pub(crate) static CERTIFICATE_KIND: Kind = Kind::Either(&[Kind::Text(&PATH), Kind::Table(&CERTIFICATE)]);

pub(crate) static CERTIFICATE: Section = Section {
    place: "`certificates` of `tls`",
    id: "certificate",
    doc: "A certificate with its key.",
    keys: &[
        key(
            "cert",
            text(&PATH),
            "PEM: the certificate, then those that lead to a root.",
        )
        .required("\"certs/example.com.crt\"")
        .also(&["certificate", "chain", "fullchain", "crt"]),
        key(
            "key",
            text(&PATH),
            "PEM: its key; without it, the file of `cert` has both.",
        )
        .also(&["private_key", "ssl_certificate_key"]),
        key("ocsp", text(&PATH), "DER: an OCSP response that is stapled.").also(&["ssl_stapling_file"]),
    ],
};

pub(crate) static CLIENT_AUTHS: &[Word] = &[
    word("require", "No certificate, no connection."),
    word(
        "optional",
        "A certificate that is shown must be good; none need be shown.",
    ),
];

pub(crate) static CLIENT_HEADERS: &[Word] = &[
    word("client-cert", "Client-Cert and Client-Cert-Chain (RFC 9440)."),
    word(
        "x-forwarded-client-cert",
        "As Envoy writes it: Hash, Cert, Subject, URI, DNS.",
    ),
    word(
        "x-forwarded-tls-client-cert",
        "As Traefik writes it: the certificate in base64.",
    ),
    word(
        "x-ssl-client",
        "As is usual with nginx and HAProxy: X-SSL-Client-Verify, -S-DN, -I-DN, -Serial, -SHA256, -Cert.",
    ),
];

pub(crate) static VERSIONS: &[Word] = &[word("1.2", "TLS 1.2 and 1.3."), word("1.3", "TLS 1.3.")];

pub(crate) static ALPNS: &[Word] = &[word("h2", "HTTP/2."), word("http/1.1", "HTTP/1.1.")];

pub(crate) static POOL_TLS: Section = Section {
    place: "`tls` of `[pool.NAME]`",
    id: "pool-tls",
    doc: "Encrypt to the backends.",
    keys: &[
        key(
            "ca",
            text(&PATH),
            "PEM: who may have signed the backends' certificates; without it, the system's roots.",
        )
        .also(&["ca-file", "proxy_ssl_trusted_certificate"]),
        key(
            "server_name",
            text(&SERVER_NAME),
            "The name that the certificates must have, also sent as SNI; without it, each backend's address.",
        )
        .also(&["sni", "proxy_ssl_name"]),
        key(
            "verify",
            Kind::Flag,
            "false: any certificate is taken, whoever shows it.",
        )
        .default("true")
        .also(&["proxy_ssl_verify"]),
        key("client", Kind::Table(&CLIENT_CERTIFICATE), "Our own certificate.").also(&["certificate"]),
    ],
};

pub(crate) static CLIENT_CERTIFICATE: Section = Section {
    place: "`client` of `tls` of `[pool.NAME]`",
    id: "client-certificate",
    doc: "Our own certificate.",
    keys: &[
        key(
            "cert",
            text(&PATH),
            "PEM: the certificate, then those that lead to a root.",
        )
        .required("\"certs/balancer.crt\"")
        .also(&["certificate", "chain", "crt", "proxy_ssl_certificate"]),
        key(
            "key",
            text(&PATH),
            "PEM: its key; without it, the file of `cert` has both.",
        )
        .also(&["private_key", "proxy_ssl_certificate_key"]),
    ],
};
