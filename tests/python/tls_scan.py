"""What sslyze finds: tls_scan.py ADDRESS:PORT CA

Prints one JSON object. It talks to that address and to nobody else.
"""

import json
import sys
from pathlib import Path

from sslyze import (
    CertificateInfoExtraArgument,
    ScanCommand,
    ScanCommandsExtraArguments,
    Scanner,
    ServerNetworkLocation,
    ServerScanRequest,
)
from sslyze.mozilla_tls_profile.tls_config_checker import (
    SCAN_COMMANDS_NEEDED_BY_MOZILLA_CHECKER,
    MozillaTlsConfiguration,
    ServerNotCompliantWithTlsConfiguration,
    TlsConfigurationEnum,
    check_server_against_tls_configuration,
)

VERSIONS = {
    "SSL 2.0": "ssl_2_0_cipher_suites",
    "SSL 3.0": "ssl_3_0_cipher_suites",
    "1.0": "tls_1_0_cipher_suites",
    "1.1": "tls_1_1_cipher_suites",
    "1.2": "tls_1_2_cipher_suites",
    "1.3": "tls_1_3_cipher_suites",
}

address, port = sys.argv[1].rsplit(":", 1)
authority = CertificateInfoExtraArgument(custom_ca_file=Path(sys.argv[2]))
request = ServerScanRequest(
    server_location=ServerNetworkLocation(hostname="localhost", port=int(port), ip_address=address),
    scan_commands=SCAN_COMMANDS_NEEDED_BY_MOZILLA_CHECKER | {ScanCommand.TLS_1_3_EARLY_DATA},
    scan_commands_extra_arguments=ScanCommandsExtraArguments(certificate_info=authority),
)
scanner = Scanner()
scanner.queue_scans([request])
[scanned] = scanner.get_results()
if scanned.scan_result is None:
    sys.exit(f"not scanned: {scanned.connectivity_status} {scanned.connectivity_error_trace}")


def result(name):
    attempt = getattr(scanned.scan_result, name)
    if attempt.result is None:
        sys.exit(f"{name}: {attempt.error_reason} {attempt.error_trace}")
    return attempt.result


issues = {}
try:
    intermediate = MozillaTlsConfiguration.get(TlsConfigurationEnum.MOZILLA_INTERMEDIATE)
    check_server_against_tls_configuration(scanned, intermediate)
except ServerNotCompliantWithTlsConfiguration as found:
    issues = found.issues

renegotiation = result("session_renegotiation")
report = {
    "ciphers": {
        version: sorted(suite.cipher_suite.name for suite in result(name).accepted_cipher_suites)
        for version, name in VERSIONS.items()
    },
    "curves": sorted(curve.name for curve in result("elliptic_curves").supported_curves),
    "compression": result("tls_compression").supports_compression,
    "early_data": result("tls_1_3_early_data").supports_early_data,
    "heartbleed": result("heartbleed").is_vulnerable_to_heartbleed,
    "ccs_injection": result("openssl_ccs_injection").is_vulnerable_to_ccs_injection,
    "robot": not result("robot").robot_result.value.startswith("NOT_VULNERABLE"),
    "client_renegotiation_dos": renegotiation.is_vulnerable_to_client_renegotiation_dos,
    "secure_renegotiation": renegotiation.supports_secure_renegotiation,
    "fallback_scsv": result("tls_fallback_scsv").supports_fallback_scsv,
    "extended_master_secret": result("tls_extended_master_secret").supports_ems_extension,
    "mozilla_intermediate": issues,
}
print(json.dumps(report))
