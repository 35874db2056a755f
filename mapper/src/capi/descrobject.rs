//! `descrobject.h`: descriptors.
