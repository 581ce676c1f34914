-- Nothing has ever kept an answer: what happens once is told by its own id. The stores' table went the same way.
drop table kept_answer;
