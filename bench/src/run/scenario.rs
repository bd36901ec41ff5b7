//! What is measured, and what Evenkeel should reach.

use std::time::Duration;

use crate::failure::Failure;
use crate::origin::answers;

/// One scenario: a load, what is read from it, and the goals.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// Arguments of `evenkeel-bench load`, without times and addresses.
    pub(crate) load: &'static [&'static str],
    pub(crate) kind: Kind,
    pub(crate) door: Door,
    pub(crate) goals: &'static [Goal],
    /// HAProxy is measured with splice as well, and the better counts.
    pub(crate) splice: bool,
    /// Directives for nginx: the buffers that cost least here, found by trying (see the README).
    pub(crate) nginx: &'static str,
    /// nginx's `ssl_buffer_size`, the most it encrypts into one record and write; found likewise.
    pub(crate) nginx_record: &'static str,
    /// HAProxy's `tune.bufsize` in bytes, found likewise.
    pub(crate) haproxy_buffer: &'static str,
    /// Left out unless named.
    pub(crate) only_if_named: bool,
}

/// What a scenario is about; decides the pool, the times and the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// CPU per request, as many requests as go.
    Cpu,
    /// Memory per idle connection.
    Memory,
    /// Latency at a fixed rate over equal backends.
    Latency,
    /// Latency at a fixed rate over the uneven pool.
    Uneven,
}

/// How clients come in, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// HTTP/1.1.
    Plain,
    /// HTTP/1.1 over TLS.
    Tls,
    /// The same, and HAProxy and nginx hand out no tickets or sessions to resume.
    TlsNeverResumed,
    /// HTTP/2 over TLS.
    H2Tls,
    /// HTTP/2 from the first byte, without TLS.
    H2Clear,
    /// HTTP/1.1, for files that the product has itself.
    Files,
    /// The same over TLS.
    FilesTls,
}

impl Door {
    pub(crate) fn is_encrypted(self) -> bool {
        match self {
            Self::Tls | Self::TlsNeverResumed | Self::H2Tls | Self::FilesTls => true,
            Self::Plain | Self::H2Clear | Self::Files => false,
        }
    }

    pub(crate) fn is_h2(self) -> bool {
        match self {
            Self::H2Tls | Self::H2Clear => true,
            Self::Plain | Self::Tls | Self::TlsNeverResumed | Self::Files | Self::FilesTls => false,
        }
    }

    pub(crate) fn is_files(self) -> bool {
        match self {
            Self::Files | Self::FilesTls => true,
            Self::Plain | Self::Tls | Self::TlsNeverResumed | Self::H2Tls | Self::H2Clear => false,
        }
    }
}

/// A figure of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    CpuPerRequest,
    MemoryPerConnection,
    P99,
    P999,
}

/// Whose figure Evenkeel's is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Against {
    Haproxy,
    Nginx,
    /// The better of HAProxy (with or without splice) and nginx.
    Better,
    /// Nobody: an absolute figure in the metric's unit (KiB).
    Nothing,
}

/// Evenkeel's figure divided by the other's must be at most this.
#[derive(Debug)]
pub(crate) struct Goal {
    pub(crate) metric: Metric,
    pub(crate) against: Against,
    pub(crate) at_most: f64,
    /// Instead, against HAProxy 3 or later and against nginx with `least_time`.
    pub(crate) at_most_newer: Option<f64>,
}

const fn goal(metric: Metric, against: Against, at_most: f64) -> Goal {
    Goal {
        metric,
        against,
        at_most,
        at_most_newer: None,
    }
}

/// Against the better of both in p99 and p99.9; least_time of newer nginx is harder to beat.
const UNEVEN_GOALS: &[Goal] = &[
    Goal {
        metric: Metric::P99,
        against: Against::Better,
        at_most: 0.70,
        at_most_newer: Some(0.85),
    },
    Goal {
        metric: Metric::P999,
        against: Against::Better,
        at_most: 0.70,
        at_most_newer: Some(0.85),
    },
];

const LATENCY_GOALS: &[Goal] = &[goal(Metric::P99, Against::Better, 1.0)];

/// HAProxy's own default.
const HAPROXY_BUFFER: &str = "16384";

/// Fields that most scenarios leave alone.
const PLAIN: Scenario = Scenario {
    name: "",
    title: "",
    load: &[],
    kind: Kind::Cpu,
    door: Door::Plain,
    goals: &[],
    splice: false,
    nginx: "",
    nginx_record: "16k",
    haproxy_buffer: HAPROXY_BUFFER,
    only_if_named: false,
};

/// A whole answer of 16 KiB with its head fits into the first buffer.
const NGINX_MEDIUM: &str = "proxy_buffer_size 32k; proxy_buffers 8 32k; proxy_busy_buffers_size 64k;";
const NGINX_LARGE: &str = "proxy_buffer_size 16k; proxy_buffers 8 16k;";
const NGINX_UPLOAD: &str = "client_body_buffer_size 32k;";

/// All scenarios, in the order they run.
const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "keepalive-64",
        title: "64 keep-alive connections, 128-byte answers",
        load: &["--connections", "64"],
        goals: &[
            Goal {
                metric: Metric::CpuPerRequest,
                against: Against::Haproxy,
                at_most: 0.72,
                at_most_newer: Some(0.62),
            },
            goal(Metric::CpuPerRequest, Against::Nginx, 0.85),
        ],
        ..PLAIN
    },
    Scenario {
        name: "keepalive-1024",
        title: "1024 keep-alive connections, 128-byte answers",
        load: &["--connections", "1024"],
        goals: &[goal(Metric::CpuPerRequest, Against::Haproxy, 0.60)],
        ..PLAIN
    },
    Scenario {
        name: "body-16k",
        title: "64 keep-alive connections, 16 KiB answers",
        load: &["--connections", "64", "--path", "/16k"],
        nginx: NGINX_MEDIUM,
        goals: &[
            goal(Metric::CpuPerRequest, Against::Haproxy, 0.55),
            goal(Metric::CpuPerRequest, Against::Nginx, 0.85),
        ],
        ..PLAIN
    },
    Scenario {
        name: "chunked-16k",
        title: "64 keep-alive connections, 16 KiB answers in chunks of 4 KiB",
        load: &["--connections", "64", "--path", "/chunked16k"],
        nginx: NGINX_MEDIUM,
        only_if_named: true,
        ..PLAIN
    },
    Scenario {
        name: "body-1m",
        title: "16 keep-alive connections, 1 MiB answers",
        load: &["--connections", "16", "--path", "/1m"],
        nginx: NGINX_LARGE,
        goals: &[goal(Metric::CpuPerRequest, Against::Better, 1.0)],
        splice: true,
        ..PLAIN
    },
    Scenario {
        name: "upload-1m",
        title: "16 keep-alive connections, 1 MiB uploads",
        load: &["--connections", "16", "--upload", "1048576"],
        nginx: NGINX_UPLOAD,
        goals: &[goal(Metric::CpuPerRequest, Against::Better, 0.75)],
        splice: true,
        ..PLAIN
    },
    Scenario {
        name: "connection-per-request",
        title: "64 clients, a new connection for each request, 128-byte answers",
        load: &["--connections", "64", "--per-request"],
        goals: &[goal(Metric::CpuPerRequest, Against::Better, 1.0)],
        ..PLAIN
    },
    Scenario {
        name: "idle-memory",
        title: "memory per idle keep-alive connection",
        load: &["--idle"],
        kind: Kind::Memory,
        goals: &[goal(Metric::MemoryPerConnection, Against::Nothing, 1.5)],
        ..PLAIN
    },
    Scenario {
        name: "latency-5000",
        title: "5,000 requests/s, open loop, 128-byte answers",
        load: &["--connections", "64", "--rate", "5000"],
        kind: Kind::Latency,
        goals: LATENCY_GOALS,
        ..PLAIN
    },
    Scenario {
        name: "latency-15000",
        title: "15,000 requests/s, open loop, 128-byte answers",
        load: &["--connections", "64", "--rate", "15000"],
        kind: Kind::Latency,
        goals: LATENCY_GOALS,
        ..PLAIN
    },
    Scenario {
        name: "uneven-600",
        title: "uneven pool, 600 requests/s of 1,700, open loop",
        load: &["--path", "/work", "--rate", "600", "--poisson"],
        kind: Kind::Uneven,
        goals: UNEVEN_GOALS,
        ..PLAIN
    },
    Scenario {
        name: "uneven-1100",
        title: "uneven pool, 1,100 requests/s of 1,700, open loop",
        load: &["--path", "/work", "--rate", "1100", "--poisson"],
        kind: Kind::Uneven,
        goals: UNEVEN_GOALS,
        ..PLAIN
    },
    Scenario {
        name: "uneven-1400",
        title: "uneven pool, 1,400 requests/s of 1,700, open loop",
        load: &["--path", "/work", "--rate", "1400", "--poisson"],
        kind: Kind::Uneven,
        goals: UNEVEN_GOALS,
        ..PLAIN
    },
    Scenario {
        name: "tls-keepalive-64",
        title: "64 keep-alive connections over TLS, 128-byte answers",
        load: &["--connections", "64"],
        door: Door::Tls,
        goals: &[goal(Metric::CpuPerRequest, Against::Better, 0.80)],
        ..PLAIN
    },
    Scenario {
        name: "tls-body-16k",
        title: "64 keep-alive connections over TLS, 16 KiB answers",
        load: &["--connections", "64", "--path", "/16k"],
        door: Door::Tls,
        nginx: NGINX_MEDIUM,
        nginx_record: "32k",
        haproxy_buffer: "32768",
        goals: &[goal(Metric::CpuPerRequest, Against::Better, 0.80)],
        ..PLAIN
    },
    Scenario {
        name: "tls-body-1m",
        title: "16 keep-alive connections over TLS, 1 MiB answers",
        load: &["--connections", "16", "--path", "/1m"],
        door: Door::Tls,
        nginx: NGINX_LARGE,
        haproxy_buffer: "65536",
        goals: &[goal(Metric::CpuPerRequest, Against::Better, 0.90)],
        ..PLAIN
    },
    Scenario {
        name: "tls-handshake",
        title: "64 clients, a full TLS 1.3 handshake for each request, 128-byte answers",
        load: &["--connections", "64", "--per-request"],
        door: Door::Tls,
        goals: &[
            goal(Metric::CpuPerRequest, Against::Haproxy, 0.40),
            goal(Metric::CpuPerRequest, Against::Nginx, 0.40),
        ],
        ..PLAIN
    },
    Scenario {
        name: "tls-no-tickets",
        title: "64 clients, a full TLS 1.3 handshake for each request; HAProxy and nginx hand out no tickets, Evenkeel does",
        load: &["--connections", "64", "--per-request"],
        door: Door::TlsNeverResumed,
        ..PLAIN
    },
    Scenario {
        name: "tls-idle-memory",
        title: "memory per idle keep-alive connection over TLS",
        load: &["--idle"],
        kind: Kind::Memory,
        door: Door::Tls,
        goals: &[goal(Metric::MemoryPerConnection, Against::Nothing, 5.0)],
        ..PLAIN
    },
    Scenario {
        name: "h2-tls",
        title: "HTTP/2 over TLS, 16 connections of 32 streams, 128-byte answers",
        load: &["--connections", "16", "--streams", "32"],
        door: Door::H2Tls,
        goals: &[goal(Metric::CpuPerRequest, Against::Better, 1.0)],
        ..PLAIN
    },
    Scenario {
        name: "h2-clear",
        title: "HTTP/2 without TLS, 16 connections of 32 streams, 128-byte answers",
        load: &["--connections", "16", "--streams", "32"],
        door: Door::H2Clear,
        goals: &[goal(Metric::CpuPerRequest, Against::Better, 1.0)],
        ..PLAIN
    },
    Scenario {
        name: "files-16k",
        title: "64 keep-alive connections, a file of 16 KiB",
        load: &["--connections", "64", "--path", answers::FILES[0].0],
        door: Door::Files,
        goals: &[goal(Metric::CpuPerRequest, Against::Nginx, 1.0)],
        ..PLAIN
    },
    Scenario {
        name: "files-1m",
        title: "16 keep-alive connections, a file of 1 MiB",
        load: &["--connections", "16", "--path", answers::FILES[1].0],
        door: Door::Files,
        goals: &[goal(Metric::CpuPerRequest, Against::Nginx, 1.0)],
        ..PLAIN
    },
    Scenario {
        name: "files-100m",
        title: "4 keep-alive connections, a file of 100 MiB",
        load: &["--connections", "4", "--path", answers::FILES[2].0],
        door: Door::Files,
        goals: &[goal(Metric::CpuPerRequest, Against::Nginx, 1.0)],
        ..PLAIN
    },
    Scenario {
        name: "files-tls-1m",
        title: "16 keep-alive connections over TLS, a file of 1 MiB",
        load: &["--connections", "16", "--path", answers::FILES[1].0],
        door: Door::FilesTls,
        goals: &[goal(Metric::CpuPerRequest, Against::Nginx, 0.9)],
        ..PLAIN
    },
    Scenario {
        name: "files-tls-100m",
        title: "4 keep-alive connections over TLS, a file of 100 MiB",
        load: &["--connections", "4", "--path", answers::FILES[2].0],
        door: Door::FilesTls,
        goals: &[goal(Metric::CpuPerRequest, Against::Nginx, 0.9)],
        ..PLAIN
    },
];

/// The scenarios of a run that names none.
pub(crate) fn of_a_whole_run() -> Vec<&'static Scenario> {
    SCENARIOS.iter().filter(|scenario| !scenario.only_if_named).collect()
}

/// The scenario of this name, or all of a family (`latency`, `uneven`).
pub(crate) fn named(name: &str) -> Result<Vec<&'static Scenario>, Failure> {
    let is_meant = |scenario: &&Scenario| {
        scenario.name == name
            || scenario
                .name
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('-'))
    };
    let found: Vec<_> = SCENARIOS.iter().filter(is_meant).collect();
    if found.is_empty() {
        let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        return Err(Failure::new(format!(
            "no scenario {name}; there are {}",
            names.join(", ")
        )));
    }
    Ok(found)
}

impl Scenario {
    /// What its load asks for.
    pub(crate) fn path(&self) -> &'static str {
        let mut words = self.load.iter().skip_while(|word| **word != "--path");
        words.nth(1).copied().unwrap_or("/128")
    }
}

/// How long a measurement takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) warmup: Duration,
    pub(crate) window: Duration,
}

impl Kind {
    /// Times of a whole or a quick run. The uneven pool's window holds whole periods of its stall.
    pub(crate) fn times(self, quick: bool) -> Times {
        let (warmup, window) = match (self, quick) {
            (Self::Cpu | Self::Memory, false) => (700, 3000),
            (Self::Cpu | Self::Memory, true) => (300, 1000),
            (Self::Latency, false) => (1000, 4000),
            (Self::Latency, true) => (500, 1500),
            (Self::Uneven, false) => (2000, 10_000),
            (Self::Uneven, true) => (1000, 5000),
        };
        Times {
            warmup: Duration::from_millis(warmup),
            window: Duration::from_millis(window),
        }
    }

    /// Backends of the pool.
    pub(crate) fn backends(self) -> usize {
        match self {
            Self::Cpu | Self::Memory | Self::Latency => 4,
            Self::Uneven => 10,
        }
    }
}
