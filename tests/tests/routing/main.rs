//! What a route does besides leading somewhere: changes of requests and answers, splits, mirrors, limits, held bodies.

mod bodies;
mod changes;
mod encrypted;
mod guide;
mod limits;
mod mirrors;
mod site;
mod splits;
