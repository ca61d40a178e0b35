//! Where a caller wants the result besides: said at each door, and refused at each where nobody allowed it.

use std::sync::Arc;

use axum::http::StatusCode;
use bytes::Bytes;
use oip::{ModelInferRequest, client::GRPCInferenceServiceClient, tensor::Data};
use tonic::Code;
use wire::{DeadLetter, Headers, Record, ReplyTo};

use crate::{
    http::{INFER, call, open},
    support::{BODY, soon},
};

fn reply(address: &str, key: Option<&'static [u8]>, correlation: &'static [u8]) -> Arc<ReplyTo> {
    let (key, correlation) = (key.map(Bytes::from_static), Some(Bytes::from_static(correlation)));
    Arc::new(ReplyTo { address: address.parse().unwrap(), key, correlation })
}

#[tokio::test]
async fn an_http_caller_names_a_topic_that_is_allowed_or_is_refused() {
    let (world, _station, router) = open().await;
    world.collect();
    let headers = [("hedgerow-reply-to", "replies.till/1"), ("hedgerow-correlation-id", "7")];
    assert_eq!(call(&router, "POST", INFER, &headers, BODY).await.status, StatusCode::OK);
    let written = soon(world.requests().recv()).await.unwrap();
    assert_eq!(written.reply, Some(reply("replies.till/1", None, b"7")));
    let refused = call(&router, "POST", INFER, &[("hedgerow-reply-to", "wine.results")], BODY).await;
    let told = "the reply topic `wine.results` is not among those that the operator allows with --reply-topics";
    assert_eq!((refused.status, &refused.json()["error"]), (StatusCode::BAD_REQUEST, &told.into()));
}

#[tokio::test]
async fn every_row_of_a_grpc_call_has_the_topic_that_the_call_names() {
    let (world, station, router) = open().await;
    world.collect();
    let tensor = oip::InferInputTensor {
        name: "row".to_owned(),
        datatype: "FP32".to_owned(),
        shape: vec![2, 2],
        contents: Data::F32(vec![1.0, 2.0, 3.0, 4.0]).into_contents("FP32"),
        ..oip::InferInputTensor::default()
    };
    let message = ModelInferRequest { model_name: "wine".to_owned(), inputs: vec![tensor], ..Default::default() };
    let mut client = GRPCInferenceServiceClient::new(router);
    let asked = |topic: &str| {
        let mut asked = tonic::Request::new(message.clone());
        asked.metadata_mut().insert("hedgerow-reply-to", topic.parse().unwrap());
        asked
    };
    soon(client.model_infer(asked("replies.x"))).await.unwrap();
    let mut requests = world.requests();
    for _ in 0..2 {
        let topic = soon(requests.recv()).await.unwrap().reply.unwrap().address.topic.clone();
        assert_eq!(&*topic, "replies.x");
    }
    let refused = soon(client.model_infer(asked("elsewhere"))).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    assert_eq!(station.metric(r#"hedgerow_invalid_inputs_total{reason="reply"}"#).as_deref(), Some("1"));
}

#[tokio::test]
async fn an_input_of_the_topic_brings_its_key_along_and_what_spring_calls_it() {
    let (world, _station, _router) = open().await;
    let mut headers = Headers::default();
    headers.push("kafka_replyTopic", Some(b"replies.a"));
    headers.push("kafka_correlationId", Some(b"\x00\xff"));
    headers.push("kafka_replyPartition", Some(&[0, 0, 0, 2]));
    let payload = Some(Bytes::from_static(BODY.as_bytes()));
    world.put(&world.topics.inputs, 0, Record { key: Some(Bytes::from_static(b"k")), headers, payload });
    let written = soon(world.requests().recv()).await.unwrap();
    assert_eq!(written.reply, Some(reply("replies.a/2", Some(b"k"), b"\x00\xff")));
    world.input(BODY, &[("ce_replyto", "elsewhere")]);
    let letter = soon(world.records(&world.topics.dead_letters).recv()).await.unwrap();
    let (_, reason) = DeadLetter::describe(&letter.record).unwrap();
    assert!(reason.starts_with("the reply topic `elsewhere` is not among"), "{reason}");
}
