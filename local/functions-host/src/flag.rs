//! A yes or no that one task sets and others wait for.

use tokio::sync::watch;

/// Waits until the flag is set; `false` if whoever could set it is gone.
pub(crate) async fn is_set(flag: &mut watch::Receiver<bool>) -> bool {
    flag.wait_for(|set| *set).await.is_ok()
}
