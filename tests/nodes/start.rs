//! Nodes that start.

use crate::fleet::Fleet;

#[tokio::test]
async fn nodes_that_start_at_once_on_an_empty_database_all_come_up() {
    let fleet = Fleet::new(&[]).await;
    let (one, two, three) = tokio::join!(fleet.launch(), fleet.launch(), fleet.launch());
    let channel = fleet.group(&["ana", "bo", "cy"]).await;
    let mut ana = one.connect("ana").await;
    let (mut bo, mut cy) = (two.connect("bo").await, three.connect("cy").await);
    for socket in [&mut bo, &mut cy] {
        ana.send_message(channel, "up").await;
        socket.expect_text("up").await;
    }
    for node in [&one, &two, &three] {
        assert!(!node.log().contains("ERROR"), "{}", node.log());
    }
}
