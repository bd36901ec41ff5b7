//! The balancer between other people's clients and servers: what they think of it counts, not what we think of
//! ourselves. `./x tools` installs them; where one is missing a test fails and says so.

mod chromium;
mod curl;
mod front;
mod grpc;
mod guide;
mod h2_conformance;
mod proxy_protocol;
mod websocket;
