//! Who may do what in a channel. The only place where a role decides anything.
//!
//! | action | member | admin | owner |
//! | --- | --- | --- | --- |
//! | read, send, type, mark as read, leave | yes | yes | yes |
//! | edit a message | own | own | own |
//! | delete a message | own | any | any |
//! | rename, add members | no | yes | yes |
//! | remove a member | no | members | members, admins, owners |
//! | change a role | no | no | yes |
//!
//! A direct channel has two owners of nothing: its members and name do not change, whoever asks. The host
//! application's server (scope `admin`, acting as nobody) may do what an owner may, and delete but not edit.

use super::channel::{ChannelKind, Role};

/// Who asks: a member with a role, or the host application's server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    Member(Role),
    Host,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    EditMessage {
        own: bool,
    },
    DeleteMessage {
        own: bool,
    },
    Rename,
    AddMembers,
    /// Of somebody else.
    RemoveMember {
        role: Role,
    },
    Leave,
    ChangeRole,
}

/// May `asker` do `action` in a channel of this `kind`?
pub fn allows(asker: Asker, action: Action, kind: ChannelKind) -> bool {
    let membership = !matches!(action, Action::EditMessage { .. } | Action::DeleteMessage { .. });
    if membership && kind == ChannelKind::Direct {
        return false;
    }
    let role = match asker {
        Asker::Host => return !matches!(action, Action::EditMessage { .. }),
        Asker::Member(role) => role,
    };
    match action {
        Action::EditMessage { own } => own,
        Action::DeleteMessage { own } => own || role >= Role::Admin,
        Action::Leave => true,
        Action::Rename | Action::AddMembers => role >= Role::Admin,
        Action::RemoveMember { role: theirs } => match role {
            Role::Member => false,
            Role::Admin => theirs == Role::Member,
            Role::Owner => true,
        },
        Action::ChangeRole => role == Role::Owner,
    }
}

#[cfg(test)]
mod tests {
    use super::Asker::{Host, Member};
    use super::*;

    #[test]
    fn the_table_above_is_what_is_decided() {
        use Role::{Admin, Member as Plain, Owner};
        let removal = |role| Action::RemoveMember { role };
        for (action, plain, admin, owner) in [
            (Action::EditMessage { own: true }, true, true, true),
            (Action::EditMessage { own: false }, false, false, false),
            (Action::DeleteMessage { own: true }, true, true, true),
            (Action::DeleteMessage { own: false }, false, true, true),
            (Action::Rename, false, true, true),
            (Action::AddMembers, false, true, true),
            (removal(Plain), false, true, true),
            (removal(Admin), false, false, true),
            (removal(Owner), false, false, true),
            (Action::ChangeRole, false, false, true),
            (Action::Leave, true, true, true),
        ] {
            for (role, expected) in [(Plain, plain), (Admin, admin), (Owner, owner)] {
                assert_eq!(allows(Member(role), action, ChannelKind::Group), expected, "{role} {action:?}");
            }
        }
    }

    #[test]
    fn nothing_changes_who_is_in_a_direct_channel() {
        for action in [Action::Rename, Action::AddMembers, Action::Leave, Action::ChangeRole] {
            assert!(!allows(Host, action, ChannelKind::Direct));
            assert!(!allows(Member(Role::Owner), action, ChannelKind::Direct));
        }
    }

    #[test]
    fn the_host_deletes_but_puts_words_into_nobodys_mouth() {
        assert!(allows(Host, Action::DeleteMessage { own: false }, ChannelKind::Group));
        assert!(!allows(Host, Action::EditMessage { own: false }, ChannelKind::Group));
    }
}
