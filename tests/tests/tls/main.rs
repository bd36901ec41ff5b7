//! TLS on both sides of the balancer, with `openssl`, `curl` and HAProxy as counterparts (`./x tools` installs them).

mod agree;
mod backends;
mod choice;
mod clients;
mod guide;
mod hostile;
mod house;
mod renew;
mod scanners;
mod stapled;
