use super::*;
use evenkeel_model::{AdminState, Backend, BackendAddress};
use std::net::SocketAddr;

/// Far more than anything here needs: only a fault waits so long.
const LONG: Duration = Duration::from_secs(20);

fn pool(name: &str, addresses: &[SocketAddr]) -> Pool {
    let backends = addresses
        .iter()
        .map(|address| Backend::new(BackendAddress::Tcp(*address)))
        .collect();
    Pool::new(name, backends)
}

async fn listener() -> (tokio::net::TcpListener, SocketAddr) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn started(pools: &[Pool]) -> Hearts {
    let hearts = Hearts::start();
    let shared = hearts
        .prepare(pools.iter().map(|pool| (pool.clone(), None)).collect(), HashMap::new())
        .await
        .unwrap();
    assert!(wait_probed(&shared, LONG).await);
    hearts.commit().await.unwrap();
    hearts
}

#[tokio::test]
async fn a_living_backend_is_usable_and_a_dead_one_is_not() {
    let (_living, living) = listener().await;
    let (dead_listener, dead) = listener().await;
    drop(dead_listener);
    let hearts = started(&[pool("web", &[living, dead])]).await;
    let view = hearts.view("web").unwrap();
    assert!(view.named(&living.to_string()).unwrap().usable);
    assert!(!view.named(&dead.to_string()).unwrap().usable);
}

#[tokio::test]
async fn orders_are_obeyed_and_told() {
    let (_living, living) = listener().await;
    let hearts = started(&[pool("web", &[living])]).await;
    let mut happenings = hearts.subscribe();
    let name = living.to_string();
    hearts
        .order("web", &name, Order::State(AdminState::Drain))
        .await
        .unwrap();
    assert!(!hearts.view("web").unwrap().named(&name).unwrap().usable);
    assert_eq!(hearts.wait_drained("web", &name, LONG).await, Ok(true));
    let happening = happenings.recv().await.unwrap();
    assert_eq!(
        (happening.to, happening.backend.as_deref()),
        (Some("drain"), Some(&*name))
    );
    hearts
        .order("web", &name, Order::State(AdminState::Ready))
        .await
        .unwrap();
    assert_eq!(hearts.wait_usable("web", &name, LONG).await, Ok(true));
    let unknown = hearts.order("web", "nobody", Order::Weight(2)).await;
    assert_eq!(unknown, Err(Refused::UnknownBackend(vec![name])));
    let unknown = hearts.order("wbe", "nobody", Order::Weight(2)).await;
    assert_eq!(unknown, Err(Refused::UnknownPool(vec!["web".into()])));
}

#[tokio::test]
async fn drained_waits_for_the_last_request() {
    use evenkeel_pool::{Choice, Chooser, Request};
    let (_living, living) = listener().await;
    let hearts = started(&[pool("web", &[living])]).await;
    let name = living.to_string();
    let mut chooser = Chooser::new(hearts.view("web").unwrap(), 7);
    let permit = match chooser.choose(&Request::default(), clock::now()) {
        Choice::Go(permit) => permit,
        other => panic!("{other:?}"),
    };
    hearts
        .order("web", &name, Order::State(AdminState::Drain))
        .await
        .unwrap();
    assert_eq!(
        hearts.wait_drained("web", &name, Duration::from_millis(60)).await,
        Ok(false)
    );
    drop(permit);
    assert_eq!(hearts.wait_drained("web", &name, LONG).await, Ok(true));
}

#[tokio::test]
async fn backends_come_and_go() {
    let (_one, one) = listener().await;
    let (_two, two) = listener().await;
    let hearts = started(&[pool("web", &[one])]).await;
    let newcomer = Backend {
        name: "two".into(),
        ..Backend::new(BackendAddress::Tcp(two))
    };
    hearts.add("web", newcomer.clone()).await.unwrap();
    assert_eq!(
        hearts.add("web", newcomer).await,
        Err(Refused::NameTaken(two.to_string()))
    );
    assert_eq!(hearts.wait_usable("web", "two", LONG).await, Ok(true));
    hearts.remove("web", "two").await.unwrap();
    assert!(hearts.view("web").unwrap().named("two").is_none());
}

#[tokio::test]
async fn a_configuration_is_taken_whole_or_not_at_all() {
    let (_one, one) = listener().await;
    let (_two, two) = listener().await;
    let hearts = started(&[pool("stays", &[one]), pool("goes", &[one])]).await;
    let stays = hearts.published()[0].shared.clone();
    let next = || vec![(pool("comes", &[two]), None), (pool("stays", &[one, two]), None)];
    let names = |hearts: &Hearts| -> Vec<String> {
        hearts
            .published()
            .iter()
            .map(|published| published.pool.name.to_string())
            .collect()
    };

    hearts.prepare(next(), HashMap::new()).await.unwrap();
    hearts.abandon().await;
    assert_eq!(names(&hearts), ["stays", "goes"]);
    assert_eq!(hearts.view("stays").unwrap().members.len(), 1);

    let shared = hearts.prepare(next(), HashMap::new()).await.unwrap();
    assert!(Arc::ptr_eq(&shared[1], &stays));
    hearts.commit().await.unwrap();
    assert_eq!(names(&hearts), ["comes", "stays"]);
    assert_eq!(hearts.view("stays").unwrap().members.len(), 2);
    assert_eq!(hearts.wait_usable("comes", &two.to_string(), LONG).await, Ok(true));
}

#[tokio::test]
async fn what_is_saved_comes_back() {
    let (_one, one) = listener().await;
    let hearts = started(&[pool("web", &[one])]).await;
    hearts
        .order("web", &one.to_string(), Order::State(AdminState::Drain))
        .await
        .unwrap();
    let saved = hearts.saved().await.unwrap().remove(0).saved;
    let again = Hearts::start();
    again
        .prepare(vec![(pool("web", &[one]), Some(saved))], HashMap::new())
        .await
        .unwrap();
    again.commit().await.unwrap();
    assert_eq!(again.view("web").unwrap().members[0].admin, AdminState::Drain);
}
