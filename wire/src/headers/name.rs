//! The names of headers that are ours. In memory they are one byte.

macro_rules! names {
    ($($name:ident = $text:literal,)*) => {
        /// A name of ours. Not to be confused with a header: values are read by `Reader`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Name {
            $($name,)*
        }

        impl Name {
            /// All of them; each stands at its own number.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];
            /// How many there are.
            pub(crate) const COUNT: usize = Self::ALL.len();

            /// Returns it as it is written in a record.
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Returns the name that is written so, if it is ours.
            pub(crate) fn find(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

names! {
    SpecVersion = "ce_specversion",
    Type = "ce_type",
    ContentType = "content-type",
    Id = "ce_id",
    Source = "ce_source",
    Born = "ce_born",
    Budget = "ce_budget",
    Policy = "ce_policy",
    Plan = "ce_plan",
    Case = "ce_case",
    Key = "ce_key",
    Attributes = "ce_attributes",
    Traceparent = "traceparent",
    ReplyTo = "ce_replyto",
    ReplyKey = "ce_replykey",
    Correlation = "ce_correlationid",
    Executor = "ce_executor",
    Model = "ce_model",
    Fetched = "ce_fetched",
    Queued = "ce_queued",
    Scored = "ce_scored",
    Failure = "ce_failure",
    Epoch = "ce_epoch",
    Instance = "ce_instance",
    Origin = "ce_origin",
    Reason = "ce_reason",
}
